// The first message of a worker, held to the limits that worker.proto states.
import { z } from 'zod';
import { status } from '@grpc/grpc-js';
import type { Register } from '../../../proto/gen/treadle/v1/worker.ts';
import type { WorkerAccess } from '../access.ts';
import { invalid, Refusal } from '../refusal.ts';

const text = (least: number, most: number) => z.string().min(least).max(most);

const schema = z.object({
  name: text(0, 255).transform((name) => name || 'unnamed'),
  handlers: z.array(text(1, 255)).min(1).max(10_000),
  language: text(0, 64),
  language_version: text(0, 64),
  package_version: text(0, 64),
  capacity: z.int().min(1),
  labels: z
    .record(z.string(), text(0, 1024))
    .refine((labels) => Object.keys(labels).length <= 64, 'expected at most 64 pairs'),
});

/** @throws Refusal INVALID_ARGUMENT, or PERMISSION_DENIED that names the handlers outside of the token's scope */
export function checkedRegistration(register: Register, access: WorkerAccess): Register {
  const parsed = schema.safeParse(register);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.map(String).join('.')}: ${message}`,
    );
    throw invalid(`register: ${problems.slice(0, 10).join('; ')}`);
  }
  const outside = parsed.data.handlers.filter((handler) => !access.mayServe(handler));
  if (outside.length > 0) {
    const named = outside.slice(0, 10).join(', ');
    throw new Refusal(status.PERMISSION_DENIED, `the token ${access.name} may not serve ${named}`);
  }
  return { ...parsed.data, handlers: [...new Set(parsed.data.handlers)] };
}
