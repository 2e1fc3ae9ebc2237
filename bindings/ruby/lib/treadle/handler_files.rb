# frozen_string_literal: true

require_relative 'errors'

module Treadle
  # What the worker and the engine are told to serve: files, folders with Ruby files in them, or libraries. In Rails all of
  # the application is loaded then, so that handlers are found that nobody has named yet.
  module HandlerFiles
    module_function

    # Raises InvalidArgumentError when something of it is not there.
    def load(names, directory = Dir.pwd)
      names.each { |name| load_one(name, directory) }
      ::Rails.application.eager_load! if defined?(::Rails) && ::Rails.respond_to?(:application) && ::Rails.application
    end

    # A path that is none means a library.
    def load_one(name, directory)
      path = File.expand_path(name, directory)
      if File.directory?(path)
        Dir[File.join(path, '**', '*.rb')].sort.each { |found| require found }
      else
        require(File.exist?(path) || File.exist?("#{path}.rb") ? path : name)
      end
    rescue LoadError => e
      raise InvalidArgumentError, "#{name}: #{e.message}"
    end
  end
end
