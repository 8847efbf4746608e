import { parseTagPath, type TagPath, TagPathError } from '../dicom/index.ts'

/** The attributes asked for, each once. */
export class Paths {
  readonly all: TagPath[] = []
  readonly #indexes = new Map<string, number>()
  readonly #deciding = new Set<number>()

  add(text: string, report: (message: string) => void): number | undefined {
    let index = this.#indexes.get(text)
    if (index !== undefined) return index
    try {
      index = this.all.push(parseTagPath(text)) - 1
    } catch (error) {
      if (!(error instanceof TagPathError)) throw error
      report(error.message)
      return undefined
    }
    this.#indexes.set(text, index)
    return index
  }

  /** As `add`, for an attribute that a condition looks at. */
  addDeciding(text: string, report: (message: string) => void): number | undefined {
    const index = this.add(text, report)
    if (index !== undefined) this.#deciding.add(index)
    return index
  }

  get deciding(): TagPath[] {
    return this.all.filter((_, index) => this.#deciding.has(index))
  }
}
