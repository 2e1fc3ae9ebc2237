// Runs once around all tests: a server and the template database, handed to the workers by `inject('postgres')`.
import type { TestProject } from 'vitest/node';
import { buildNativeAddons } from './native-builds.ts';
import { buildTemplate } from './template.ts';
import { testServer } from './test-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: { url: string; version: string; template: string | undefined; failure: string | undefined };
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (process.env['CI'] === 'true') void buildNativeAddons(); // elsewhere whoever needs one builds it
  const onProgress = (line: string) => console.log(`postgres: ${line}`);
  const server = await testServer(onProgress);
  try {
    const { name, failure, session } = await buildTemplate(server.url, onProgress);
    if (failure) console.error(`postgres: no template database, tests that need it will fail: ${failure}`);
    project.provide('postgres', { url: server.url, version: server.version, template: name, failure });
    return async () => {
      await session.end();
      await server.stop();
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
