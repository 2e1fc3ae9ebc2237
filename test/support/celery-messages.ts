// Messages that our adapter would never send, put into Celery's queues past it.
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';

const BODY = '[["hello"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]';

function headersOf(task: string): Record<string, unknown> {
  const id = randomUUID();
  return { lang: 'js', task, id, root_id: id, retries: 0, eta: null, expires: null, timelimit: [null, null] };
}

/** A task that no worker here has registered: an application of another team shares the queue. */
export async function pushForeignTask(brokerUrl: string, queue: string): Promise<void> {
  const headers = headersOf('somebody.elses_task');
  if (brokerUrl.startsWith('redis')) await pushToRedis(brokerUrl, queue, redisMessage(headers, queue));
  else await pushToRabbitMq(brokerUrl, queue, headers);
}

/** As a first try at Celery's protocol looks like: all of it but the exchange. */
export async function pushWithoutExchange(brokerUrl: string, queue: string): Promise<void> {
  const message = redisMessage(headersOf('tests.say'), queue);
  message.properties.delivery_info = {};
  await pushToRedis(brokerUrl, queue, message);
}

interface RedisMessage {
  properties: { delivery_info: object };
}

function redisMessage(headers: Record<string, unknown>, queue: string): RedisMessage {
  const message = {
    body: Buffer.from(BODY).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: {
      correlation_id: headers['id'],
      delivery_mode: 2,
      delivery_info: { exchange: '', routing_key: queue },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: headers['id'],
    },
  };
  return message;
}

async function pushToRedis(url: string, queue: string, message: RedisMessage): Promise<void> {
  const client = new Redis(url);
  try {
    await client.lpush(queue, JSON.stringify(message));
  } finally {
    client.disconnect();
  }
}

async function pushToRabbitMq(url: string, queue: string, headers: Record<string, unknown>): Promise<void> {
  const connection = await connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from(BODY), {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers,
    });
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
}
