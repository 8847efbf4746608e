import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { typeProblems } from '../support/types.ts'
import { type Manifest, manifests, root } from './manifests.ts'

/** Where kubernetes-types, made from the OpenAPI that Kubernetes publishes, has each kind. */
const modules: Readonly<Record<string, string>> = { v1: 'core/v1' }
const moduleOf = (apiVersion: string) => modules[apiVersion] ?? apiVersion.replace('.k8s.io', '')

const problems = (checked: readonly Manifest[]) =>
  typeProblems(
    checked.map(manifest => ({
      type: `import('kubernetes-types/${moduleOf(manifest.apiVersion)}').${manifest.kind}`,
      value: manifest,
    })),
  )

test('the manifests are what the schemas of Kubernetes want', async () => {
  const built = manifests()
  assert.deepEqual(built.map(({ kind }) => kind).sort(), [
    ...['ConfigMap', 'ConfigMap', 'ConfigMap', 'Deployment', 'HorizontalPodAutoscaler'],
    ...['NetworkPolicy', 'PodDisruptionBudget', 'Service'],
  ])
  assert.equal(await problems(built), '')
})

for (const [what, right, wrong] of [
  ['a misspelt key', '"readinessProbe"', '"readynessProbe"'],
  ['a value of another type', '"maxUnavailable":1', '"maxUnavailable":true'],
] as const) {
  test(`${what} in a manifest is found`, async () => {
    const text = JSON.stringify(manifests())
    const broken = text.replace(right, wrong)
    assert.notEqual(broken, text)
    assert.match(await problems(JSON.parse(broken)), /error TS2/)
  })
}

test('HAProxy gets each of its files, but for the pools', () => {
  const shipped = readdirSync(join(root, 'haproxy')).filter(name => !/^pacs|kustomization/.test(name))
  const config = manifests().find(({ metadata }) => metadata.name.startsWith('dicom-haproxy'))
  assert.deepEqual(Object.keys((config as Manifest & { data: object }).data).sort(), shipped.sort())
})
