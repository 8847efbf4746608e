import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Any object of Kubernetes; what its kind has is looked at by schemas.test.ts. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string }
}

/** What `kubectl apply -k deploy/kubernetes/example` would send. */
export function manifests(): Manifest[] {
  const built = execFileSync('kubectl', ['kustomize', 'deploy/kubernetes/example'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  return parseAllDocuments(built).map(document => document.toJS())
}
