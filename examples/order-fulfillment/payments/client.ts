// The shop's client of the payment provider. Its one rule of interest: which answers are worth another attempt. It throws
// the two errors that Treadle understands, so that handlers need no retry code at all.
import { parseRetryAfter, PermanentError, RetryableError } from '../../../index.ts';
import { Authorization, Charge } from '../order.ts';
import { PROGRAM } from '../program.ts';

interface Call {
  /** The provider answers a key that it knows with what it answered then, and does nothing. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

export class PaymentClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Has the money held. Throws PermanentError `CARD_DECLINED`. */
  async authorize(
    request: Call & { readonly reference: string; readonly card: string; readonly amount_cents: number },
  ): Promise<Authorization> {
    const { reference, card, amount_cents } = request;
    return Authorization.parse(
      await this.#post('/authorizations', { reference, card, amount_cents }, request),
    );
  }

  /** Takes money that is held. */
  async capture(request: Call & { readonly authorization_id: string }): Promise<Charge> {
    const path = `/authorizations/${encodeURIComponent(request.authorization_id)}/capture`;
    return Charge.parse(await this.#post(path, {}, request));
  }

  /** Gives back what is held or was taken under this reference, if anything. */
  async cancel(reference: string): Promise<void> {
    const call = { idempotencyKey: `cancel/${reference}`, signal: AbortSignal.timeout(10_000) };
    await this.#post('/cancellations', { reference }, call);
  }

  async #post(path: string, body: object, { idempotencyKey, signal }: Call): Promise<unknown> {
    const response = await fetch(new URL(path, this.#url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
        'user-agent': PROGRAM,
      },
      body: JSON.stringify(body),
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted(); // our own timeout or shutdown: the engine knows what it means
      throw new RetryableError('the payment provider hung up', { cause: error });
    });
    if (response.ok) return response.json();
    throw await refusal(response);
  }
}

async function refusal(response: Response): Promise<Error> {
  const text = await response.text();
  if (response.status === 402) {
    return new PermanentError(`the card was declined: ${text}`, { errorCode: 'CARD_DECLINED' });
  }
  const message = `the payment provider answered ${response.status}`;
  if (response.status === 429 || response.status >= 500) {
    const retryAfter = parseRetryAfter(response.headers.get('retry-after'));
    return new RetryableError(message, retryAfter === undefined ? {} : { retryAfter });
  }
  return new PermanentError(`${message}: ${text}`, { errorCode: `HTTP_${response.status}` });
}
