# frozen_string_literal: true

require_relative '../test_helper'
require 'fileutils'
require 'rbconfig'
require 'securerandom'
require 'tmpdir'
require 'uri'

# A real engine on a database of its own, beside the one of DATABASE_URL, with the template in templates/; and real worker
# processes. One for all integration tests of a run, gone when it ends.
module Story
  ROOT = File.expand_path('../..', __dir__)
  REPOSITORY = File.expand_path('../..', ROOT)
  NEEDS = 'DATABASE_URL must be set (test/parity/ruby.test.ts does), and the engine be in the repository around the gem'
  MISSING = !ENV.key?('DATABASE_URL') || !File.exist?(File.join(REPOSITORY, 'bin', 'treadle.js'))
  SECONDS = 30

  # A process that says when it is ready. Its words are kept for when it fails.
  class Running
    attr_reader :pid, :said

    def initialize(environment, command, ready)
      @said = +''
      @output, writer = IO.pipe
      @pid = spawn(environment, *command, out: writer, err: writer, chdir: REPOSITORY)
      writer.close
      @ended = Process.detach(@pid)
      @seen = Thread::Queue.new
      @reading = Thread.new { read(ready) }
      raise "#{command.join(' ')} did not start: #{@said}" unless @seen.pop == :ready
    end

    def kill(signal) = Process.kill(signal, @pid)

    # The exit status, nil after a signal.
    def wait
      @ended.join(SECONDS) || raise("it did not end: #{@said}")
      @reading.join
      @ended.value.exitstatus
    end

    def end_by(signal)
      kill(signal)
      wait
    rescue Errno::ESRCH
      nil
    end

    private

    def read(ready)
      @output.each_line do |line|
        @said << line
        @seen << :ready if line.match?(ready)
      end
    ensure
      @seen << :ended
    end
  end

  # The database and what runs on it.
  class World
    attr_reader :url, :folder

    def self.instance = @instance ||= new

    def initialize
      require 'pg'
      @folder = Dir.mktmpdir('treadle')
      @name = "treadle_ruby_#{SecureRandom.hex(6)}"
      @url = URI(ENV.fetch('DATABASE_URL')).tap { |uri| uri.path = "/#{@name}" }.to_s
      administer("create database #{@name}")
      Minitest.after_run { close }
      system({ 'DATABASE_URL' => @url }, 'node', 'bin/treadle.js', 'migrate', chdir: REPOSITORY, out: IO::NULL, err: IO::NULL) or
        raise 'the database could not be migrated'
    end

    # Address of the engine that all tests share.
    def target
      @engine ||= start_engine(socket('shared'))
      socket('shared')
    end

    def socket(name) = "unix:#{File.join(@folder, "#{name}.sock")}"

    def start_engine(address, environment = {})
      command = ['node', 'bin/treadle.js', 'start', '--grpc', address, '--templates', File.join(__dir__, 'templates')]
      Running.new({ 'DATABASE_URL' => @url, 'TREADLE_GRACE_SECONDS' => '1', **environment }, command, /"ready"/)
    end

    def start_worker(*arguments, target: self.target, ready: /connected/)
      command = [RbConfig.ruby, '-I', File.join(ROOT, 'lib'), File.join(ROOT, 'exe', 'treadle-worker'),
                 '-r', File.join(__dir__, 'story_handlers.rb'), '--target', target, *arguments]
      Running.new({ 'DATABASE_URL' => @url }, command, ready)
    end

    def connect = PG.connect(@url)

    private

    def close
      @engine&.end_by(:TERM)
      administer("drop database if exists #{@name} with (force)")
      FileUtils.rm_rf(@folder)
    end

    def administer(statement)
      connection = PG.connect(ENV.fetch('DATABASE_URL'))
      connection.exec(statement)
    ensure
      connection&.close
    end
  end

  # A test on this world.
  class Test < Minitest::Test
    def setup
      return unless MISSING

      ENV['CI'] == 'true' ? flunk(NEEDS) : skip(NEEDS)
    end

    def teardown
      (@running || []).each { |process| process.end_by(:KILL) }
    end

    private

    def world = World.instance

    def client
      @client ||= Treadle::Client.new(world.target)
    end

    # Ends with the test.
    def worker(*arguments, **options)
      world.start_worker(*arguments, **options).tap { |it| (@running ||= []) << it }
    end

    def engine(*arguments)
      world.start_engine(*arguments).tap { |it| (@running ||= []) << it }
    end

    # The number of a new task whose first step does that.
    def create(deed = nil, **context)
      client.create_task('ruby_story', context: { do: deed.to_s, nonce: SecureRandom.hex, **context }).task_id
    end

    def ended(task_id) = client.wait_for_task(task_id, timeout: SECONDS)

    # Reads until a step reports that progress.
    def wait_for_progress(task_id, message)
      changes = client.watch_task(task_id, timeout: SECONDS)
      assert(changes.any? { |it| it.is_a?(Treadle::Client::StepProgress) && it.message == message })
    end
  end
end
