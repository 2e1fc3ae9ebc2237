// What every command is given: the configuration and where to write.
import type { Command } from 'commander';
import type { Config, ConfigOverrides } from '../core/config.ts';
import type { Terminal } from './terminal.ts';

export interface CommandContext {
  readonly terminal: Terminal;
  /** Reads the environment; options of the command line take its place. Throws `invalid_config`. */
  readonly config: (overrides?: ConfigOverrides) => Config;
}

export type ContextOf = (command: Command) => CommandContext;
