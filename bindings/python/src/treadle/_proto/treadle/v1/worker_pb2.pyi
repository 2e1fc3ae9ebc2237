from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailureCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CODE_UNSPECIFIED: _ClassVar[FailureCode]
    FAILURE_CODE_HANDLER_ERROR: _ClassVar[FailureCode]
    FAILURE_CODE_RETRYABLE: _ClassVar[FailureCode]
    FAILURE_CODE_PERMANENT: _ClassVar[FailureCode]
    FAILURE_CODE_TIMED_OUT: _ClassVar[FailureCode]
    FAILURE_CODE_INVALID_INPUT: _ClassVar[FailureCode]
    FAILURE_CODE_INVALID_OUTPUT: _ClassVar[FailureCode]
    FAILURE_CODE_RESULTS_TOO_LARGE: _ClassVar[FailureCode]
    FAILURE_CODE_INVALID_CONFIG: _ClassVar[FailureCode]
    FAILURE_CODE_UNKNOWN_HANDLER: _ClassVar[FailureCode]
    FAILURE_CODE_WORKER_LOST: _ClassVar[FailureCode]

class CancelReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CANCEL_REASON_UNSPECIFIED: _ClassVar[CancelReason]
    CANCEL_REASON_TIMED_OUT: _ClassVar[CancelReason]
    CANCEL_REASON_REVOKED: _ClassVar[CancelReason]
    CANCEL_REASON_ENGINE_STOPPING: _ClassVar[CancelReason]
FAILURE_CODE_UNSPECIFIED: FailureCode
FAILURE_CODE_HANDLER_ERROR: FailureCode
FAILURE_CODE_RETRYABLE: FailureCode
FAILURE_CODE_PERMANENT: FailureCode
FAILURE_CODE_TIMED_OUT: FailureCode
FAILURE_CODE_INVALID_INPUT: FailureCode
FAILURE_CODE_INVALID_OUTPUT: FailureCode
FAILURE_CODE_RESULTS_TOO_LARGE: FailureCode
FAILURE_CODE_INVALID_CONFIG: FailureCode
FAILURE_CODE_UNKNOWN_HANDLER: FailureCode
FAILURE_CODE_WORKER_LOST: FailureCode
CANCEL_REASON_UNSPECIFIED: CancelReason
CANCEL_REASON_TIMED_OUT: CancelReason
CANCEL_REASON_REVOKED: CancelReason
CANCEL_REASON_ENGINE_STOPPING: CancelReason

class WorkRequest(_message.Message):
    __slots__ = ("register", "credits", "outcomes", "heartbeat", "progress", "drain")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    register: Register
    credits: Credits
    outcomes: Outcomes
    heartbeat: Heartbeat
    progress: Progress
    drain: Drain
    def __init__(self, register: _Optional[_Union[Register, _Mapping]] = ..., credits: _Optional[_Union[Credits, _Mapping]] = ..., outcomes: _Optional[_Union[Outcomes, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ...) -> None: ...

class WorkResponse(_message.Message):
    __slots__ = ("registered", "assignments", "cancel", "refusals", "drain")
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    registered: Registered
    assignments: Assignments
    cancel: Cancel
    refusals: Refusals
    drain: Drain
    def __init__(self, registered: _Optional[_Union[Registered, _Mapping]] = ..., assignments: _Optional[_Union[Assignments, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., refusals: _Optional[_Union[Refusals, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("name", "handlers", "language", "language_version", "package_version", "capacity", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    HANDLERS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    handlers: _containers.RepeatedScalarFieldContainer[str]
    language: str
    language_version: str
    package_version: str
    capacity: int
    labels: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., handlers: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ..., language_version: _Optional[str] = ..., package_version: _Optional[str] = ..., capacity: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Registered(_message.Message):
    __slots__ = ("engine_id", "engine_version", "heartbeat_interval_ms", "heartbeat_timeout_ms", "max_message_bytes", "max_result_bytes", "elsewhere")
    ENGINE_ID_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULT_BYTES_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_FIELD_NUMBER: _ClassVar[int]
    engine_id: int
    engine_version: str
    heartbeat_interval_ms: int
    heartbeat_timeout_ms: int
    max_message_bytes: int
    max_result_bytes: int
    elsewhere: _containers.RepeatedCompositeFieldContainer[HandlerElsewhere]
    def __init__(self, engine_id: _Optional[int] = ..., engine_version: _Optional[str] = ..., heartbeat_interval_ms: _Optional[int] = ..., heartbeat_timeout_ms: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., max_result_bytes: _Optional[int] = ..., elsewhere: _Optional[_Iterable[_Union[HandlerElsewhere, _Mapping]]] = ...) -> None: ...

class HandlerElsewhere(_message.Message):
    __slots__ = ("handler", "runtime")
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    handler: str
    runtime: str
    def __init__(self, handler: _Optional[str] = ..., runtime: _Optional[str] = ...) -> None: ...

class Credits(_message.Message):
    __slots__ = ("additional",)
    ADDITIONAL_FIELD_NUMBER: _ClassVar[int]
    additional: int
    def __init__(self, additional: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Assignments(_message.Message):
    __slots__ = ("assignments",)
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("claim_token", "handler", "task", "workflow_step_id", "step_name", "attempt", "retry_limit", "inputs_json", "results_json", "handler_config_json", "parents", "timeout_ms", "trace_context")
    class TraceContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_STEP_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RETRY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    INPUTS_JSON_FIELD_NUMBER: _ClassVar[int]
    RESULTS_JSON_FIELD_NUMBER: _ClassVar[int]
    HANDLER_CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    claim_token: str
    handler: str
    task: Task
    workflow_step_id: int
    step_name: str
    attempt: int
    retry_limit: int
    inputs_json: str
    results_json: str
    handler_config_json: str
    parents: _containers.RepeatedCompositeFieldContainer[ParentResult]
    timeout_ms: int
    trace_context: _containers.ScalarMap[str, str]
    def __init__(self, claim_token: _Optional[str] = ..., handler: _Optional[str] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., workflow_step_id: _Optional[int] = ..., step_name: _Optional[str] = ..., attempt: _Optional[int] = ..., retry_limit: _Optional[int] = ..., inputs_json: _Optional[str] = ..., results_json: _Optional[str] = ..., handler_config_json: _Optional[str] = ..., parents: _Optional[_Iterable[_Union[ParentResult, _Mapping]]] = ..., timeout_ms: _Optional[int] = ..., trace_context: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("task_id", "namespace_name", "name", "version", "context_json", "initiator", "source_system", "reason", "tags_json", "requested_at")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_NAME_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_JSON_FIELD_NUMBER: _ClassVar[int]
    INITIATOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TAGS_JSON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    namespace_name: str
    name: str
    version: str
    context_json: str
    initiator: str
    source_system: str
    reason: str
    tags_json: str
    requested_at: str
    def __init__(self, task_id: _Optional[int] = ..., namespace_name: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., context_json: _Optional[str] = ..., initiator: _Optional[str] = ..., source_system: _Optional[str] = ..., reason: _Optional[str] = ..., tags_json: _Optional[str] = ..., requested_at: _Optional[str] = ...) -> None: ...

class ParentResult(_message.Message):
    __slots__ = ("step_name", "results_json")
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    RESULTS_JSON_FIELD_NUMBER: _ClassVar[int]
    step_name: str
    results_json: str
    def __init__(self, step_name: _Optional[str] = ..., results_json: _Optional[str] = ...) -> None: ...

class Outcomes(_message.Message):
    __slots__ = ("outcomes", "additional_credits")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ADDITIONAL_CREDITS_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    additional_credits: int
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ..., additional_credits: _Optional[int] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("claim_token", "completed", "failed", "completed_in_transaction", "released", "duration_us")
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_IN_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    claim_token: str
    completed: Completed
    failed: Failed
    completed_in_transaction: CompletedInTransaction
    released: Released
    duration_us: int
    def __init__(self, claim_token: _Optional[str] = ..., completed: _Optional[_Union[Completed, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., completed_in_transaction: _Optional[_Union[CompletedInTransaction, _Mapping]] = ..., released: _Optional[_Union[Released, _Mapping]] = ..., duration_us: _Optional[int] = ...) -> None: ...

class Completed(_message.Message):
    __slots__ = ("results_json",)
    RESULTS_JSON_FIELD_NUMBER: _ClassVar[int]
    results_json: str
    def __init__(self, results_json: _Optional[str] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("code", "error", "error_class", "backtrace", "retry_after_seconds", "error_code", "results_json")
    CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_CLASS_FIELD_NUMBER: _ClassVar[int]
    BACKTRACE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_JSON_FIELD_NUMBER: _ClassVar[int]
    code: FailureCode
    error: str
    error_class: str
    backtrace: str
    retry_after_seconds: float
    error_code: str
    results_json: str
    def __init__(self, code: _Optional[_Union[FailureCode, str]] = ..., error: _Optional[str] = ..., error_class: _Optional[str] = ..., backtrace: _Optional[str] = ..., retry_after_seconds: _Optional[float] = ..., error_code: _Optional[str] = ..., results_json: _Optional[str] = ...) -> None: ...

class CompletedInTransaction(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Released(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Progress(_message.Message):
    __slots__ = ("claim_token", "fraction", "message")
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    claim_token: str
    fraction: float
    message: str
    def __init__(self, claim_token: _Optional[str] = ..., fraction: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("claim_token", "reason", "message")
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    claim_token: str
    reason: CancelReason
    message: str
    def __init__(self, claim_token: _Optional[str] = ..., reason: _Optional[_Union[CancelReason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Refusals(_message.Message):
    __slots__ = ("claim_tokens",)
    CLAIM_TOKENS_FIELD_NUMBER: _ClassVar[int]
    claim_tokens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, claim_tokens: _Optional[_Iterable[str]] = ...) -> None: ...
