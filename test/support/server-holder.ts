// A process of its own that starts or joins the cluster in argv[2], says so in one line of JSON, and holds it until its
// standard input ends. For tests that kill it.
import { resolvePostgres } from '../../sql/server/resolve.ts';

const [, , dataDir = ''] = process.argv;
const server = await resolvePostgres({ dataDir, postgresFlags: ['-c', 'fsync=off'] });
console.log(JSON.stringify({ url: server.url, home: server.home }));
process.stdin.resume().once('end', () => void server.stop());
