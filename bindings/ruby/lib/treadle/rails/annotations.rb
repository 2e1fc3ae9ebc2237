# frozen_string_literal: true

module Treadle
  module Rails
    # A kind of annotation, by name.
    class AnnotationType < Record
      self.table_name = 'tasker_annotation_types'

      has_many :task_annotations, inverse_of: :annotation_type
      has_many :tasks, through: :task_annotations
      validates :name, presence: true, length: { maximum: 64 }
    end

    # What somebody noted down about a task: any JSON.
    class TaskAnnotation < Record
      self.table_name = 'tasker_task_annotations'

      belongs_to :task, inverse_of: :task_annotations, optional: true
      belongs_to :annotation_type, inverse_of: :task_annotations, optional: true
      delegate :name, to: :annotation_type, prefix: true
    end
  end
end
