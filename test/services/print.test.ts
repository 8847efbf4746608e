import assert from 'node:assert/strict'
import { mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import dimse from 'dcmjs-dimse'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { sample } from './archive.ts'
import { printer } from './printer.ts'
import { run, testService } from './service.ts'

const { BasicFilmSession, BasicGrayscalePrintManagementMeta: meta, Printer } = dimse.constants.SopClass
/** PS3.4 §H.4.17: the one instance that stands for the printer */
const printerInstance = '1.2.840.10008.5.1.1.17'

testService('Print management', {
  async DCMTK({ site, node, port, callingAE, calledAE }) {
    const folder = await mkdtemp(join(site.folder, 'print-'))
    const own = [
      '-c',
      await printer(folder, { type: 'PRINTER', title: calledAE, port }, callingAE),
      '-p',
      'PRINTER',
    ]
    await run('dcmpsprt', ...own, '--layout', '1', '1', sample)
    const database = join(folder, 'database')
    const [job] = (await readdir(database)).filter(name => name.startsWith('SP_'))
    assert.ok(job)
    const before = await node.count()
    await run('dcmprscu', ...own, join(database, job))
    assert.equal(await node.count(), before + 1)
  },
  async 'dcmjs-dimse'({ port, callingAE, calledAE }) {
    const session = dimse.Dataset.generateDerivedUid()
    const create = new dimse.requests.NCreateRequest(BasicFilmSession, session, meta)
    create.setDataset(new dimse.Dataset({ NumberOfCopies: '1' }))
    const requests = [
      new dimse.requests.NGetRequest(Printer, printerInstance, [], meta),
      create,
      new dimse.requests.NDeleteRequest(BasicFilmSession, session, meta),
    ]
    assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], requests), [0, 0, 0])
  },
})
