import type { Logger } from 'pino'
import type { Answered } from './decisions.ts'
import type { RuleSet } from './routing/index.ts'

const ENOUGH = 100
/** Docker's and Podman's networks have their gateway there; a client hardly ever is. */
const GATEWAY = /^(?:10\.\d+|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.\d+\.1$/

/** Where clients seem to come from. */
export interface Sources {
  /** to be told of each answer */
  answered(answer: Pick<Answered, 'step' | 'source'>, rules: Pick<RuleSet, 'usesSource'>): void
  /** the address that a hundred associations and more all came from, if it looks like a container's gateway */
  readonly gateway: string | undefined
}

/** Warns once where rules look at the source, and all clients seem to have the same one: these rules are blind then. */
export function watchSources(log: Logger): Sources {
  let seen = 0
  let only: string | undefined
  let warned = false
  return {
    get gateway() {
      return seen >= ENOUGH && only !== undefined && GATEWAY.test(only) ? only : undefined
    },
    answered({ step, source }, { usesSource }) {
      if (step !== 'associate') return
      if (seen++ === 0) only = source
      else if (source !== only) only = undefined
      if (warned || !usesSource || this.gateway === undefined) return
      warned = true
      log.warn(
        { source },
        'all clients seem to come from a container gateway: rules on source do not tell them apart',
      )
    },
  }
}
