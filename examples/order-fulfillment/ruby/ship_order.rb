# frozen_string_literal: true

require 'pg'
require 'treadle'

# Sends the box off: the reservation becomes a shipment. The shop's rows, the results of the step and the start of its
# children are one transaction, so that it happens exactly once, wherever a process is killed. (The TypeScript twin looks
# whether an earlier attempt has done it. Here there is nothing to look for.)
class ShipOrder < Treadle::StepHandler
  def process(task, _sequence, step)
    order = task.context.values_at(:run, :order_id)
    step.transaction(Shop.connection) do |shop|
      pack(shop, order)
      tracking_code = label(shop, order)
      clear_shelves(shop, order)
      { tracking_code: tracking_code }
    end
  end

  private

  def pack(shop, order)
    packed = shop.query(<<~SQL, order)
      update shop.reservations
      set state = 'shipped'
      where run = $1 and order_id = $2 and state = 'reserved'
      returning sku
    SQL
    return unless packed.empty?

    raise Treadle::PermanentError.new('nothing is reserved for this order any more', error_code: 'RESERVATION_GONE')
  end

  def label(shop, order)
    shipment = shop.query(<<~SQL, [*order, "Ruby/#{RUBY_VERSION}"])
      insert into shop.shipments (run, order_id, tracking_code, shipped_by)
      values ($1, $2, 'TRK' || upper(substr(md5($1 || '/' || $2), 1, 10)), $3)
      returning tracking_code
    SQL
    shipment.first.fetch('tracking_code')
  end

  # Last, as orders wait for each other here; in the order of names, so that no two wait in a circle.
  def clear_shelves(shop, order)
    shop.query(<<~SQL, order)
      select from shop.stock
      where run = $1 and sku in (select sku from shop.reservations where run = $1 and order_id = $2)
      order by sku
      for update
    SQL
    shop.query(<<~SQL, order)
      update shop.stock s
      set reserved = s.reserved - r.quantity, shipped = s.shipped + r.quantity
      from shop.reservations r
      where r.run = $1 and r.order_id = $2 and s.run = r.run and s.sku = r.sku
    SQL
  end
end

# The shop's database: a connection for each thread of the worker.
module Shop
  def self.connection
    current = Thread.current[:shop]
    return current if current&.status == PG::CONNECTION_OK

    Thread.current[:shop] = PG.connect(ENV.fetch('DATABASE_URL'), application_name: 'shipping')
  end
end

Shop.connection # a worker that cannot reach the shop must not take its steps
