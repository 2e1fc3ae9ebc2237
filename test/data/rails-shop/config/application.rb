# frozen_string_literal: true

require_relative 'boot'
require 'logger'
require 'rails'
require 'active_record/railtie'
Bundler.require(*Rails.groups)

module Store
  # The application as it was before Treadle came.
  class Application < Rails::Application
    config.load_defaults 6.1
    config.eager_load = false
    config.logger = Logger.new(nil)
    config.active_support.deprecation = :silence
  end
end
