import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dcmtk, startStorescp } from '../support/dcmtk.ts'
import { startLoader, startSink } from './processes.ts'

const sample = fileURLToPath(new URL('../../dicom-samples/ct-chest.dcm', import.meta.url))

test('the sink stores for storescu', async () => {
  const sink = await startSink()
  const { code, output } = await dcmtk('storescu', '-v', '127.0.0.1', String(sink.port), sample, sample)
  await sink.stop()
  assert.equal(code, 0, output)
  assert.equal(output.match(/Received Store Response \(Success\)/g)?.length, 2)
})

test('storescp stores for the load, in several associations at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const storescp = await startStorescp(folder)
  const loader = startLoader()
  const shape = { instances: 5, studies: 2, size: 50_000, pduLength: 16384 }
  const load = { ...shape, port: storescp.port, associations: 3, parallel: 2, contexts: 100 }
  const { associations } = await loader.run(load)
  const { code, output } = await dcmtk('dcmftest', ...(await readdir(folder)).map(file => join(folder, file)))
  await Promise.all([loader.stop(), storescp.stop()])
  await rm(folder, { recursive: true })
  assert.equal(associations.length, 3)
  assert.equal(code, 0, output)
  assert.equal(output.match(/^yes: /gm)?.length, 5)
})
