import type { AssociateRq } from '../dicom/index.ts'

const MAX_DOUBTS = 10_000

/**
 * The clients that have sent an image to a pool that does not take its presentation context, by SOP class: the Modality that
 * the IOD of that class fixes is no hint for what they are promised. Gone when the agent is.
 */
export class Doubts {
  readonly #kept = new Set<string>()

  add(client: AssociateRq, abstractSyntax: string): void {
    this.#kept.add(keyOf(client, abstractSyntax))
    const [oldest = ''] = this.#kept
    if (this.#kept.size > MAX_DOUBTS) this.#kept.delete(oldest)
  }

  has(client: AssociateRq, abstractSyntax: string): boolean {
    return this.#kept.has(keyOf(client, abstractSyntax))
  }
}

function keyOf({ callingAE, calledAE }: AssociateRq, abstractSyntax: string): string {
  return JSON.stringify([callingAE, calledAE, abstractSyntax])
}
