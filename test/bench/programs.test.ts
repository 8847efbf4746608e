import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSpoeServer } from '../../agent/haproxy-spoe/index.ts'
import { SpopPeer } from '../haproxy-spoe/spop-peer.ts'
import { dcmtk, startStorescp } from '../support/dcmtk.ts'
import { checkNotify } from './check-notify.ts'
import { startBareAgent, startLoader, startSink, startSpoeAgent, startSpopLoader } from './processes.ts'

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
  const shape = { instances: 5, studies: 2, size: 50_000, pduLength: 16384, headLength: 3_000 }
  const load = { ...shape, port: storescp.port, associations: 3, parallel: 2, contexts: 100 }
  const { associations } = await loader.run(load)
  const files = (await readdir(folder)).map(file => join(folder, file))
  const { code, output } = await dcmtk('dcmftest', ...files)
  const { output: found } = await dcmtk('dcmdump', '--search', 'BodyPartExamined', ...files)
  await Promise.all([loader.stop(), storescp.stop()])
  await rm(folder, { recursive: true })
  assert.equal(associations.length, 3)
  assert.equal(code, 0, output)
  assert.equal(output.match(/^yes: /gm)?.length, 5)
  assert.equal(found.match(/\[HEAD\]/g)?.length, 5)
})

test('the sink tells how many instances it has stored', async () => {
  const sink = await startSink(2)
  const loader = startLoader()
  const shape = { instances: 5, studies: 1, size: 2_000, pduLength: 16384 }
  await loader.run({ ...shape, port: sink.port, associations: 1, parallel: 1 })
  await sink.wrote(/"stored":4}/)
  assert.deepEqual(sink.output().match(/"stored":\d+/g), ['"stored":2', '"stored":4'])
  await Promise.all([loader.stop(), sink.stop()])
})

test('each NOTIFY of the SPOP load is of the size that was asked for, and is answered', async () => {
  const sizes: number[] = []
  const server = createSpoeServer({
    handlers: {
      check: ({ args }) => {
        sizes.push(args.bytes('body')?.length ?? 0)
      },
    },
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const loader = startSpopLoader()
  const { latency } = await loader.run({ port, connections: 2, window: 3, frames: 10, size: 300 })
  await Promise.all([loader.stop(), server.close()])
  assert.equal(sizes.length, 20)
  assert.equal(checkNotify(300).length, 300)
  assert.ok(latency.every(Number.isFinite))
})

test('the bare agent answers a NOTIFY as haproxy-spoe does', async () => {
  const agents = await Promise.all([startSpoeAgent(), startBareAgent(), startBareAgent('batch')])
  const answers = await Promise.all(
    agents.map(async ({ port }) => {
      const peer = await SpopPeer.open({ port, host: '127.0.0.1' })
      peer.send(checkNotify(300), checkNotify(5_000))
      const acks = [await peer.receive(), await peer.receive()]
      peer.close()
      return acks
    }),
  )
  await Promise.all(agents.map(agent => agent.stop()))
  const [ofLibrary, ...ofBare] = answers
  assert.equal(ofLibrary?.[1]?.actions.length, 2)
  for (const acks of ofBare) assert.deepEqual(acks, ofLibrary)
})
