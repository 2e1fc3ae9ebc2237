-- Treadle's schema with the two tables that migrate itself needs: what has been applied, and what it remembers.

create schema treadle;

create table treadle.migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp()
);
comment on table treadle.migrations is 'Migrations applied to this database, with the SHA-256 of each file.';

create table treadle.settings (
  key text primary key,
  value jsonb not null
);
comment on table treadle.settings is 'What Treadle remembers of this database: adopted, functions_hash.';
