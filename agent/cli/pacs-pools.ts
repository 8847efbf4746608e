import { readFileSync } from 'node:fs'
import { closest } from '../dicom/index.ts'
import type { RuleProblem } from '../routing/errors.ts'
import type { Pool } from '../routing/index.ts'
import type { WrittenRule } from '../routing/written.ts'

/** A backend of haproxy/pacs.cfg. */
interface PacsPool {
  /** it has the `balance hash` that `stick` needs */
  sticks: boolean
}

/** The backends of a pacs.cfg by name. HAProxy checks the rest of the file. */
export function readPacsPools(file: string): Map<string, PacsPool> {
  const pools = new Map<string, PacsPool>()
  let current: PacsPool | undefined
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [keyword = '', ...words] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (['backend', 'listen', 'frontend', 'defaults', 'global'].includes(keyword)) current = undefined
    if (keyword === 'backend' && words[0] !== undefined) {
      current = { sticks: false }
      pools.set(words[0], current)
    }
    if (current && keyword === 'balance' && words[0] === 'hash') current.sticks = true
  }
  return pools
}

/** Warnings about rules that HAProxy's pools do not fit. */
export function lintPools(
  rules: readonly Pick<WrittenRule, 'pools' | 'stick' | 'problem'>[],
  file: string,
): RuleProblem[] {
  const known = readPacsPools(file)
  return rules.flatMap(rule =>
    rule.pools.flatMap(({ name, path, at }) => {
      const pool = known.get(name)
      if (!pool) return rule.problem(path, `${file} has no backend "${name}"${suggestion(name, known)}`, at)
      if (rule.stick.length === 0 || pool.sticks) return []
      const line = 'balance hash var(txn.dicom.key)'
      return rule.problem(['stick'], `stick does nothing: backend ${name} in ${file} has no \`${line}\``)
    }),
  )
}

function suggestion(name: string, known: ReadonlyMap<string, Pool | PacsPool>): string {
  const near = closest(name, known.keys())
  if (near.length > 0) return `; did you mean ${near.join(', ')}?`
  return `; there ${known.size === 1 ? 'is' : 'are'} ${[...known.keys()].join(', ') || 'none'}`
}
