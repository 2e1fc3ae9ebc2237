from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_PENDING: _ClassVar[State]
    STATE_IN_PROGRESS: _ClassVar[State]
    STATE_COMPLETE: _ClassVar[State]
    STATE_ERROR: _ClassVar[State]
    STATE_CANCELLED: _ClassVar[State]
    STATE_RESOLVED_MANUALLY: _ClassVar[State]
STATE_UNSPECIFIED: State
STATE_PENDING: State
STATE_IN_PROGRESS: State
STATE_COMPLETE: State
STATE_ERROR: State
STATE_CANCELLED: State
STATE_RESOLVED_MANUALLY: State

class TaskRequest(_message.Message):
    __slots__ = ("name", "namespace_name", "version", "context_json", "initiator", "source_system", "reason", "tags", "bypass_steps", "run_at", "deadline_seconds", "identity_key", "trace_context")
    class TraceContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_JSON_FIELD_NUMBER: _ClassVar[int]
    INITIATOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    BYPASS_STEPS_FIELD_NUMBER: _ClassVar[int]
    RUN_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    namespace_name: str
    version: str
    context_json: str
    initiator: str
    source_system: str
    reason: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    bypass_steps: _containers.RepeatedScalarFieldContainer[str]
    run_at: str
    deadline_seconds: float
    identity_key: str
    trace_context: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., namespace_name: _Optional[str] = ..., version: _Optional[str] = ..., context_json: _Optional[str] = ..., initiator: _Optional[str] = ..., source_system: _Optional[str] = ..., reason: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., bypass_steps: _Optional[_Iterable[str]] = ..., run_at: _Optional[str] = ..., deadline_seconds: _Optional[float] = ..., identity_key: _Optional[str] = ..., trace_context: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreatedTask(_message.Message):
    __slots__ = ("task_id", "created")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    created: bool
    def __init__(self, task_id: _Optional[int] = ..., created: bool = ...) -> None: ...

class CreateTaskRequest(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: TaskRequest
    def __init__(self, task: _Optional[_Union[TaskRequest, _Mapping]] = ...) -> None: ...

class CreateTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: CreatedTask
    def __init__(self, task: _Optional[_Union[CreatedTask, _Mapping]] = ...) -> None: ...

class CreateTasksRequest(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskRequest]
    def __init__(self, tasks: _Optional[_Iterable[_Union[TaskRequest, _Mapping]]] = ...) -> None: ...

class CreateTasksResponse(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[CreatedTask]
    def __init__(self, tasks: _Optional[_Iterable[_Union[CreatedTask, _Mapping]]] = ...) -> None: ...

class TaskDetails(_message.Message):
    __slots__ = ("task_id", "namespace_name", "name", "version", "state", "state_since", "created_at", "context_json", "initiator", "source_system", "reason", "tags_json", "deadline_at", "steps")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_SINCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_JSON_FIELD_NUMBER: _ClassVar[int]
    INITIATOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TAGS_JSON_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    namespace_name: str
    name: str
    version: str
    state: State
    state_since: str
    created_at: str
    context_json: str
    initiator: str
    source_system: str
    reason: str
    tags_json: str
    deadline_at: str
    steps: _containers.RepeatedCompositeFieldContainer[StepDetails]
    def __init__(self, task_id: _Optional[int] = ..., namespace_name: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., state_since: _Optional[str] = ..., created_at: _Optional[str] = ..., context_json: _Optional[str] = ..., initiator: _Optional[str] = ..., source_system: _Optional[str] = ..., reason: _Optional[str] = ..., tags_json: _Optional[str] = ..., deadline_at: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[StepDetails, _Mapping]]] = ...) -> None: ...

class StepDetails(_message.Message):
    __slots__ = ("workflow_step_id", "name", "state", "attempts", "retry_limit", "results_json", "depends_on_steps", "explanation")
    WORKFLOW_STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    RETRY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_JSON_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_STEPS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    workflow_step_id: int
    name: str
    state: State
    attempts: int
    retry_limit: int
    results_json: str
    depends_on_steps: _containers.RepeatedScalarFieldContainer[str]
    explanation: str
    def __init__(self, workflow_step_id: _Optional[int] = ..., name: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., attempts: _Optional[int] = ..., retry_limit: _Optional[int] = ..., results_json: _Optional[str] = ..., depends_on_steps: _Optional[_Iterable[str]] = ..., explanation: _Optional[str] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    def __init__(self, task_id: _Optional[int] = ...) -> None: ...

class GetTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: TaskDetails
    def __init__(self, task: _Optional[_Union[TaskDetails, _Mapping]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("namespace_name", "name", "state", "page_size", "page_token")
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace_name: str
    name: str
    state: State
    page_size: int
    page_token: str
    def __init__(self, namespace_name: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskDetails]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[TaskDetails, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchTaskRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    def __init__(self, task_id: _Optional[int] = ...) -> None: ...

class WatchTaskResponse(_message.Message):
    __slots__ = ("task", "step", "progress")
    TASK_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    task: TaskDetails
    step: StepDetails
    progress: StepProgress
    def __init__(self, task: _Optional[_Union[TaskDetails, _Mapping]] = ..., step: _Optional[_Union[StepDetails, _Mapping]] = ..., progress: _Optional[_Union[StepProgress, _Mapping]] = ...) -> None: ...

class StepProgress(_message.Message):
    __slots__ = ("workflow_step_id", "name", "fraction", "message")
    WORKFLOW_STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    workflow_step_id: int
    name: str
    fraction: float
    message: str
    def __init__(self, workflow_step_id: _Optional[int] = ..., name: _Optional[str] = ..., fraction: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class Operator(_message.Message):
    __slots__ = ("by", "reason")
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    by: str
    reason: str
    def __init__(self, by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelTaskRequest(_message.Message):
    __slots__ = ("task_id", "operator")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    operator: Operator
    def __init__(self, task_id: _Optional[int] = ..., operator: _Optional[_Union[Operator, _Mapping]] = ...) -> None: ...

class CancelTaskResponse(_message.Message):
    __slots__ = ("cancelled_steps", "running_steps")
    CANCELLED_STEPS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_STEPS_FIELD_NUMBER: _ClassVar[int]
    cancelled_steps: int
    running_steps: int
    def __init__(self, cancelled_steps: _Optional[int] = ..., running_steps: _Optional[int] = ...) -> None: ...

class PauseTarget(_message.Message):
    __slots__ = ("task_id", "namespace_name", "handler")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    namespace_name: str
    handler: str
    def __init__(self, task_id: _Optional[int] = ..., namespace_name: _Optional[str] = ..., handler: _Optional[str] = ...) -> None: ...

class PauseRequest(_message.Message):
    __slots__ = ("target", "operator")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    target: PauseTarget
    operator: Operator
    def __init__(self, target: _Optional[_Union[PauseTarget, _Mapping]] = ..., operator: _Optional[_Union[Operator, _Mapping]] = ...) -> None: ...

class PauseResponse(_message.Message):
    __slots__ = ("done", "steps")
    DONE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    done: bool
    steps: int
    def __init__(self, done: bool = ..., steps: _Optional[int] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("target",)
    TARGET_FIELD_NUMBER: _ClassVar[int]
    target: PauseTarget
    def __init__(self, target: _Optional[_Union[PauseTarget, _Mapping]] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("done", "steps", "still_held")
    DONE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    STILL_HELD_FIELD_NUMBER: _ClassVar[int]
    done: bool
    steps: int
    still_held: int
    def __init__(self, done: bool = ..., steps: _Optional[int] = ..., still_held: _Optional[int] = ...) -> None: ...

class RetryTaskRequest(_message.Message):
    __slots__ = ("task_id", "operator")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    operator: Operator
    def __init__(self, task_id: _Optional[int] = ..., operator: _Optional[_Union[Operator, _Mapping]] = ...) -> None: ...

class RetryTaskResponse(_message.Message):
    __slots__ = ("retried_steps", "state")
    RETRIED_STEPS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    retried_steps: int
    state: State
    def __init__(self, retried_steps: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ...) -> None: ...

class RetryStepRequest(_message.Message):
    __slots__ = ("workflow_step_id", "operator")
    WORKFLOW_STEP_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    workflow_step_id: int
    operator: Operator
    def __init__(self, workflow_step_id: _Optional[int] = ..., operator: _Optional[_Union[Operator, _Mapping]] = ...) -> None: ...

class RetryStepResponse(_message.Message):
    __slots__ = ("state", "task_state")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TASK_STATE_FIELD_NUMBER: _ClassVar[int]
    state: State
    task_state: State
    def __init__(self, state: _Optional[_Union[State, str]] = ..., task_state: _Optional[_Union[State, str]] = ...) -> None: ...

class ResolveTaskRequest(_message.Message):
    __slots__ = ("task_id", "operator")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    operator: Operator
    def __init__(self, task_id: _Optional[int] = ..., operator: _Optional[_Union[Operator, _Mapping]] = ...) -> None: ...

class ResolveTaskResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResolveStepRequest(_message.Message):
    __slots__ = ("workflow_step_id", "results_json", "force", "operator")
    WORKFLOW_STEP_ID_FIELD_NUMBER: _ClassVar[int]
    RESULTS_JSON_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    workflow_step_id: int
    results_json: str
    force: bool
    operator: Operator
    def __init__(self, workflow_step_id: _Optional[int] = ..., results_json: _Optional[str] = ..., force: bool = ..., operator: _Optional[_Union[Operator, _Mapping]] = ...) -> None: ...

class ResolveStepResponse(_message.Message):
    __slots__ = ("task_state",)
    TASK_STATE_FIELD_NUMBER: _ClassVar[int]
    task_state: State
    def __init__(self, task_state: _Optional[_Union[State, str]] = ...) -> None: ...

class RunTaskRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    def __init__(self, task_id: _Optional[int] = ...) -> None: ...

class RunTaskResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: State
    def __init__(self, state: _Optional[_Union[State, str]] = ...) -> None: ...

class ListTemplatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTemplatesResponse(_message.Message):
    __slots__ = ("templates",)
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    templates: _containers.RepeatedCompositeFieldContainer[Template]
    def __init__(self, templates: _Optional[_Iterable[_Union[Template, _Mapping]]] = ...) -> None: ...

class GetTemplateRequest(_message.Message):
    __slots__ = ("name", "namespace_name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    namespace_name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., namespace_name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class GetTemplateResponse(_message.Message):
    __slots__ = ("template",)
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    template: Template
    def __init__(self, template: _Optional[_Union[Template, _Mapping]] = ...) -> None: ...

class Template(_message.Message):
    __slots__ = ("namespace_name", "name", "version", "description", "schema_json", "steps")
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_JSON_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    namespace_name: str
    name: str
    version: str
    description: str
    schema_json: str
    steps: _containers.RepeatedCompositeFieldContainer[StepTemplate]
    def __init__(self, namespace_name: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., description: _Optional[str] = ..., schema_json: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[StepTemplate, _Mapping]]] = ...) -> None: ...

class StepTemplate(_message.Message):
    __slots__ = ("name", "handler", "depends_on_steps", "runtime")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_STEPS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    handler: str
    depends_on_steps: _containers.RepeatedScalarFieldContainer[str]
    runtime: str
    def __init__(self, name: _Optional[str] = ..., handler: _Optional[str] = ..., depends_on_steps: _Optional[_Iterable[str]] = ..., runtime: _Optional[str] = ...) -> None: ...
