import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import dimse from 'dcmjs-dimse'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { sample } from './archive.ts'
import { type Ask, type Asked, gdcmscu, run, testService } from './service.ts'

/** Sends an image that no PACS has yet, and sees it arrive. */
function arriving(send: (asked: Asked, file: string) => Promise<unknown>): Ask {
  return async asked => {
    const { site, node, callingAE } = asked
    const file = join(site.folder, `${callingAE}.dcm`)
    await copyFile(sample, file)
    await run('dcmodify', '--gen-inst-uid', '--no-backup', file)
    const before = await node.count()
    await send(asked, file)
    assert.equal(await node.count(), before + 1)
  }
}

const clients: Record<string, Ask> = {
  DCMTK: arriving(({ port, callingAE, calledAE }, file) =>
    run('storescu', '-aet', callingAE, '-aec', calledAE, 'localhost', String(port), file),
  ),
  GDCM: arriving((asked, file) => gdcmscu(asked, '--store', '-i', file)),
  odil: arriving(({ port, callingAE, calledAE }, file) =>
    run('odil', 'store', 'localhost', String(port), callingAE, calledAE, file),
  ),
  Orthanc: arriving(async ({ orthanc }, file) => {
    await orthanc.ask('/modalities/lb/store', { Resources: [await orthanc.upload(file)] })
  }),
  'dcmjs-dimse': arriving(async ({ port, callingAE, calledAE }, file) => {
    const store = new dimse.requests.CStoreRequest(file)
    assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [store]), [0])
  }),
}

testService('C-STORE, direct', clients)
testService('C-STORE, delayed', clients, { path: 'delayed' })
