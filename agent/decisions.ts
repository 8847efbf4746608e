import type { RuleSet } from './routing/index.ts'

/** A question of HAProxy's and what was answered, as the log tells it. */
export interface Answered {
  step: Step
  /** HAProxy's id of the association */
  id?: string
  /** the client's address */
  source: string
  calling?: string
  called?: string
  /** of the first step */
  path?: 'direct' | 'delayed' | 'refused'
  /** the rule that cannot be decided without the dataset */
  waitsFor?: string
  rule?: string
  /** where the association goes */
  backend?: string
  /** where it went, when a later instance comes */
  bound?: string
  /** where a later instance belongs */
  pool?: string
  verdict?: 'pass' | 'follow' | 'refuse'
  /** what the rule says of later instances that belong elsewhere */
  mixed?: string
  refusal?: string
  /** what is no DICOM, and where */
  detail?: string
  /** in shadow mode, what would have been done */
  shadowRule?: string
  shadowPool?: string
  shadowRefusal?: string
  /** bytes of the dataset that it took to decide */
  headBytes?: number
  /** a keyed hash of the PatientID */
  patient?: string
}

export type Step = 'associate' | 'dataset' | 'instance'

/** Told of every answer, by which rules it was found and in how many seconds, and of the pools that were live then. */
export type AnswerListener = (
  answered: Answered,
  ruleSet: RuleSet,
  seconds: number,
  live?: readonly string[],
) => void

/** An answer, and when it was given, in milliseconds since 1970 UTC as in the log. */
export type Decision = Answered & { time: number }

/** How many are kept for who asks later. */
const KEPT = 200

/** The latest answers of this agent. */
export class RecentDecisions {
  readonly #latest: Decision[] = []
  readonly #listeners = new Set<(decision: Decision) => void>()

  add(answered: Answered): void {
    const decision = { ...answered, time: Date.now() }
    this.#latest.push(decision)
    if (this.#latest.length > KEPT) this.#latest.shift()
    for (const listener of this.#listeners) listener(decision)
  }

  /** The oldest comes first. */
  get latest(): readonly Decision[] {
    return this.#latest
  }

  /** Returns what ends it. */
  listen(listener: (decision: Decision) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
