#!/usr/bin/env node
// The `treadle` command. A checkout runs its TypeScript as it is, an installed package what was built from it.
import { existsSync } from 'node:fs';

const source = new URL('../cli/main.ts', import.meta.url);

/** Teaches Node to import TypeScript. */
async function registerTypeScript() {
  try {
    const { register } = await import('tsx/esm/api');
    register();
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error('treadle: this checkout has no node_modules yet: run "npm install" first');
    process.exit(1);
  }
}

if (existsSync(source)) {
  await registerTypeScript();
  await import(source.href);
} else {
  await import('../dist/cli/main.js');
}
