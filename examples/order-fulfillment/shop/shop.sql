-- The shop's own tables, in the same database as its workflows. Keys begin with the run of the demo, so that each run has
-- a warehouse of its own and nothing is ever dropped.
create schema if not exists shop;
comment on schema shop is 'Treadle example order-fulfillment';

create table if not exists shop.orders (
  run text not null,
  order_id text not null,
  task_id bigint not null unique, -- the task of the order, created in the same transaction as this row
  state text not null default 'open' check (state in ('open', 'closed', 'failed')),
  placed_at timestamptz not null default now(),
  closed_at timestamptz,
  primary key (run, order_id)
);

-- Every piece is in one of three places, and none appears or vanishes: the database holds the equation.
create table if not exists shop.stock (
  run text not null,
  sku text not null,
  initial integer not null,
  on_hand integer not null check (on_hand >= 0),
  reserved integer not null default 0 check (reserved >= 0),
  shipped integer not null default 0 check (shipped >= 0),
  primary key (run, sku)
);

create table if not exists shop.reservations (
  run text not null,
  order_id text not null,
  sku text not null,
  quantity integer not null check (quantity > 0),
  state text not null default 'reserved' check (state in ('reserved', 'shipped', 'released')),
  primary key (run, order_id, sku)
);

create table if not exists shop.shipments (
  run text not null,
  order_id text not null,
  tracking_code text not null,
  shipped_at timestamptz not null default now(),
  primary key (run, order_id)
);
alter table shop.shipments add column if not exists shipped_by text not null default 'unknown'; -- the program

create table if not exists shop.loyalty_points (
  run text not null,
  order_id text not null,
  email text not null,
  points integer not null,
  primary key (run, order_id)
);
