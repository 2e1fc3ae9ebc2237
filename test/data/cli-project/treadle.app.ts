// The app module of the tests of the command line: two handlers, and a template written in TypeScript.
import { defineTask, PermanentError, StepHandler, type StepContext } from '../../../index.ts';

class Accept extends StepHandler {
  async process() {
    return { accepted: true };
  }
}

class Pay extends StepHandler {
  async process({ task }: StepContext) {
    if (JSON.stringify(task.context).includes('declined')) throw new PermanentError('the card was declined');
    return { paid: true };
  }
}

export const handlers = [Accept, Pay];
export const templates = [
  defineTask({ name: 'greet', namespace_name: 'shop', version: '1.0.0' }).step('greet', Accept).build(),
];
