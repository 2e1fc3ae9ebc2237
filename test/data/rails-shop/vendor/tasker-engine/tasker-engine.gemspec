# frozen_string_literal: true

# Stands for the gem of the Rails engine, of which only the name matters here: the bundle has it, and the application loads it.
Gem::Specification.new do |spec|
  spec.name = 'tasker-engine'
  spec.version = '0.1.0'
  spec.summary = 'A stand-in'
  spec.authors = ['Treadle contributors']
  spec.files = ['lib/tasker-engine.rb']
end
