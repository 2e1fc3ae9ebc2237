# frozen_string_literal: true

# The bare transport: sends back what comes on one stream, and does nothing else. ARGV: the address of the server.
require 'grpc'

echoes = Thread::Queue.new
same = ->(bytes) { bytes }
stub = GRPC::ClientStub.new(ARGV.fetch(0), :this_channel_is_insecure)
sending = Enumerator.new { |messages| loop { messages << echoes.pop } }
begin
  stub.bidi_streamer('/bench.Echo/Echo', sending, same, same).each { |message| echoes << message }
rescue GRPC::BadStatus
  exit!(0) # the server has gone: the benchmark is over
end
