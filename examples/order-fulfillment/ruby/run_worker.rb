# frozen_string_literal: true

# `treadle-worker` for the demo: it also ends when its standard input ends. The demo holds the other end, so that no worker
# outlives it, however it dies.
require 'treadle/cli'

Thread.new do
  $stdin.read
  Process.kill('TERM', Process.pid)
end
exit Treadle::Cli.new(ARGV).run
