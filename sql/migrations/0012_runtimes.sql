-- Where the handler of a step runs, as its template says it: one of RUNTIMES of core/vocabulary.ts. Null: wherever it is offered.
-- It belongs to the handler: treadle.handler_runtimes() reads what all templates say. Nothing that claims or records asks for it.
alter table treadle.step_definitions add column runtime text;
