# frozen_string_literal: true

require 'digest'
require 'securerandom'

module Treadle
  module Rails
    # When two requests are the same task: a unique index on identity_hash says so.
    module Identity
      module_function

      def of(task, strategy)
        case strategy
        when :uuid then SecureRandom.uuid
        when :hash then Digest::SHA256.hexdigest(options(task).to_json)
        when /\S/ then key(strategy.to_s)
        else raise InvalidArgumentError, "expected identity to be :uuid, :hash or a key, came #{strategy.inspect}"
        end
      end

      def key(text)
        return text if text.length <= 128

        raise InvalidArgumentError, "expected an identity key of at most 128 characters, came #{text.length}"
      end

      # The keys in this order, and the minute in UTC: the text that Rails and Treadle's createTask hash too.
      def options(task)
        { name: task.name, initiator: task.initiator, source_system: task.source_system, context: task.context,
          reason: task.reason, bypass_steps: task.bypass_steps || [],
          requested_at: task.requested_at.utc.strftime('%Y-%m-%d %H:%M') }
      end
    end
  end
end
