// The 13 tables of the Rails engine as Drizzle tables, for typed queries and for drizzle-kit's views of the database. The
// migrations make the tables; this is their mirror, and a test holds it to the migrated database. Property names are
// column names. Timestamps are UTC without time zone, read and written as Date.
export * from './schema/definitions.ts';
export * from './schema/history.ts';
export * from './schema/tasks.ts';
