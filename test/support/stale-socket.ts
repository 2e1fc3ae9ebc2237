// The file of a unix socket whose process was killed: nobody listens there any more.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const LISTEN = 'require("node:net").createServer().listen(process.argv[1], () => console.log("ready"))';

export async function staleSocket(path: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}
