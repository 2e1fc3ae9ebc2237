// For drizzle-kit (studio, introspection). Treadle's own migrations are in sql/migrations and are run by `treadle migrate`.
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './sql/schema.ts',
  dbCredentials: { url: process.env['DATABASE_URL'] ?? 'postgres://localhost:5432/treadle' },
  tablesFilter: ['tasker_*'],
});
