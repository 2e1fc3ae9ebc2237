# frozen_string_literal: true

# The work of work.rb in a Ruby of its own and without Treadle: `ruby plain.rb PAYLOAD_BYTES` prints one line of JSON. Text
# comes and text goes, as from and to any caller.
require 'json'

SECONDS = 1.0
ONE_MS_CALLS = 500

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

def calls_per_second
  100.times { yield }
  calls = 0
  began = now
  while now - began < SECONDS
    yield
    calls += 1
  end
  calls / (now - began)
end

def seconds_of
  began = now
  yield
  now - began
end

def one_millisecond(value)
  till = now + 0.001
  nil while now < till
  value
end

text = JSON.generate(order: 'x' * Integer(ARGV.fetch(0)))
echo = calls_per_second { JSON.generate(JSON.parse(text)) }
times = Array.new(ONE_MS_CALLS) { seconds_of { JSON.generate(one_millisecond(JSON.parse(text))) } }
median = times.sort[ONE_MS_CALLS / 2]
puts JSON.generate(echo_calls_per_second: echo.round, one_ms_us_per_call: (median * 1_000_000).round(1))
