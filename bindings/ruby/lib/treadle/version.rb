# frozen_string_literal: true

module Treadle
  VERSION = '0.1.0'
end
