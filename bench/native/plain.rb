# frozen_string_literal: true

# The work of work.rb in a Ruby of its own and without Treadle: `ruby plain.rb PAYLOAD_BYTES` prints one line of JSON. Text
# comes and text goes, as from and to any caller.
require 'json'

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

def one_millisecond(value)
  till = now + 0.001
  nil while now < till
  value
end

# Calls in a second, after some to warm up.
def calls_per_second(text)
  100.times { JSON.generate(yield(JSON.parse(text))) }
  calls = 0
  started = now
  while now - started < 1
    JSON.generate(yield(JSON.parse(text)))
    calls += 1
  end
  calls / (now - started)
end

text = JSON.generate(text: 'x' * Integer(ARGV.fetch(0)))
echo = calls_per_second(text) { |value| value }
one_ms = calls_per_second(text) { |value| one_millisecond(value) }
puts JSON.generate(echo_calls_per_second: echo.round, one_ms_us_per_call: (1_000_000 / one_ms).round(1))
