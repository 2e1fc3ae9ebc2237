# frozen_string_literal: true

module Treadle
  module Rails
    # A template of tasks: a name in a namespace, in one version.
    class NamedTask < Record
      self.table_name = 'tasker_named_tasks'
      DEFAULT_VERSION = '0.1.0'
      SEMVER = /\A\d+\.\d+\.\d+\z/
      # Versions as numbers: 0.10.0 comes after 0.9.0. (Rails orders them as texts.) What is no version comes last.
      BY_VERSION = "case when tasker_named_tasks.version ~ '^\\d+\\.\\d+\\.\\d+$' " \
                   "then string_to_array(tasker_named_tasks.version, '.')::numeric[] end desc nulls last"

      belongs_to :task_namespace, inverse_of: :named_tasks, optional: true
      has_many :tasks, inverse_of: :named_task
      has_many :named_tasks_named_steps, inverse_of: :named_task
      has_many :named_steps, through: :named_tasks_named_steps

      # Rails' default for the column is a text that holds an empty object, on which its own `config` fails.
      after_initialize { self.configuration = {} if new_record? && [nil, '{}'].include?(configuration) }
      validates :name, presence: true, length: { maximum: 64 }
      validates :version, format: { with: SEMVER, message: 'must be like 1.0.0' }, length: { maximum: 16 }

      scope :in_namespace, ->(name) { joins(:task_namespace).where(tasker_task_namespaces: { name: name.to_s }) }
      scope :with_version, ->(version) { where(version: version.to_s) }
      scope :latest_versions, lambda {
        latest = unscoped.select('distinct on (task_namespace_id, name) named_task_id')
                         .order(:task_namespace_id, :name, Arel.sql(BY_VERSION))
        where(named_task_id: unscoped.from(latest, :latest).select('latest.named_task_id'))
      }

      class << self
        def find_or_create_by_full_name!(name:, namespace_name: TaskNamespace::DEFAULT, version: DEFAULT_VERSION)
          namespace = found_or_created(TaskNamespace, name: namespace_name.to_s)
          found_or_created(self, task_namespace_id: namespace.id, name: name.to_s, version: version.to_s)
        end

        def find_latest_version(namespace_name, task_name)
          in_namespace(namespace_name).where(name: task_name.to_s).order(Arel.sql(BY_VERSION)).first
        end

        def version_exists?(namespace_name, task_name, version)
          in_namespace(namespace_name).exists?(name: task_name.to_s, version: version.to_s)
        end

        private

        # Two that create the same at once get the same.
        def found_or_created(model, **names)
          model.find_by(names) || model.create_or_find_by!(names)
        end
      end

      # The template as it was written. Never raises, whatever the column holds; also for the text that is Rails' default.
      def config
        written = configuration.is_a?(String) ? ::ActiveSupport::JSON.decode(configuration) : configuration
        (written.is_a?(Hash) ? written : {}).with_indifferent_access
      rescue ::JSON::ParserError
        {}.with_indifferent_access
      end

      def namespace_name = task_namespace&.name
      def full_name = "#{namespace_name}.#{name}@#{version}"
      def qualified_name = "#{namespace_name}.#{name}"
    end
  end
end
