# frozen_string_literal: true

# By this constant Treadle sees that the gem is loaded.
module Tasker
  class Engine; end
end
