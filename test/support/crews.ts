// Crews for tests of what hands them their steps: they have slots, and run nothing.
import { Crew } from '../../engine/crew.ts';

export function crewOf(handlers: readonly string[], free: () => number = () => 10): Crew {
  return new Crew({
    handlers: () => handlers,
    capacity: free,
    begin: () => Promise.reject(new Error('this crew runs nothing')),
  });
}
