import { createHmac } from 'node:crypto'
import type { RuleSet } from '../routing/index.ts'

/** What a decision is made from, apart from the message itself. */
export interface Site {
  rules: RuleSet
  /** hides what stick keys are made of; the same for all agents, or they would not agree */
  stickSecret: string
}

/**
 * The key that HAProxy hashes to choose a server. It is a keyed hash, so that no PatientID reaches HAProxy or its
 * logs; undefined where there is nothing to stick to.
 */
export function stickKey(site: Site, values: readonly string[]): string | undefined {
  if (values.join('') === '') return undefined
  return createHmac('sha256', site.stickSecret).update(values.join('\\')).digest('base64url')
}
