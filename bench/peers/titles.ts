// How the works are called in tables and pictures.
import type { Work } from './contender.ts';

export const TITLES: Readonly<Record<Work, string>> = {
  one_step: 'one-step jobs',
  seven_steps: 'seven steps in a chain',
  diamond: 'a diamond of four',
};
