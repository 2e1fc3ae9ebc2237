# frozen_string_literal: true

require_relative 'lib/treadle/version'

Gem::Specification.new do |spec|
  spec.name = 'treadle'
  spec.version = Treadle::VERSION
  spec.summary = 'Step handlers of Treadle workflows in Ruby'
  spec.description = 'Durable workflows on Postgres: a worker that runs step handlers in threads, a client, and a bridge ' \
                     'for the handlers of the Rails engine Tasker.'
  spec.authors = ['Treadle contributors']
  spec.license = 'MIT'
  spec.required_ruby_version = '>= 3.1'

  spec.files = Dir['lib/**/*.rb', 'exe/*', 'sig/**/*.rbs', 'README.md']
  spec.bindir = 'exe'
  spec.executables = ['treadle-worker']
  spec.metadata = { 'rubygems_mfa_required' => 'true' }

  # Floors that the tests run with. The generated code also loads on google-protobuf 4: it brings serialized descriptors.
  spec.add_dependency 'google-protobuf', '>= 3.21', '< 5'
  spec.add_dependency 'googleapis-common-protos-types', '~> 1.4'
  spec.add_dependency 'grpc', '~> 1.51'
end
