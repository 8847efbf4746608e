import type { Report } from './errors.ts'
import { lookUp } from './facts.ts'
import type { Paths } from './paths.ts'
import type { Stick } from './rule-set.ts'

const stickyFacts: Record<string, Stick> = {
  callingAE: ({ callingAE }) => [callingAE],
  calledAE: ({ calledAE }) => [calledAE],
  source: ({ source }) => [source],
  tlsClientCN: ({ tlsClientCN }) => (tlsClientCN === undefined ? [] : [tlsClientCN]),
}

export function compileStick(key: string, paths: Paths, report: Report): Stick | undefined {
  const fact = Object.hasOwn(stickyFacts, key) ? stickyFacts[key] : undefined
  if (fact) return fact
  const index = paths.add(key, message => report(['stick'], message))
  if (index === undefined) return undefined
  return (_, dataset) => {
    const found = lookUp(dataset, index)
    if (found.state === 'unknown') return 'unknown'
    return found.state === 'present' ? found.values : []
  }
}
