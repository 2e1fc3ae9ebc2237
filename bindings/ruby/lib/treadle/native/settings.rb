# frozen_string_literal: true

require 'json'

module Treadle
  module Native
    # What the engine says to the program when it starts it: the JSON that bindings/native/native-host.ts writes.
    # `modules`: files, folders or libraries; `app_dir`: where they are looked for first; `concurrency`: attempts at once;
    # `handlers`: of what is found only these are served, nil: all; `give_up_after`: seconds until an attempt that does not
    # heed its order to stop loses its slot.
    Settings = Struct.new(:modules, :concurrency, :max_result_bytes, :app_dir, :log_level, :log_json, :handlers,
                          :give_up_after, keyword_init: true) do
      def self.parse(text) = new(give_up_after: 3.0, **JSON.parse(text, symbolize_names: true))
    end
  end
end
