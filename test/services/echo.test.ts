import assert from 'node:assert/strict'
import dimse from 'dcmjs-dimse'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { gdcmscu, run, testService } from './service.ts'

testService('C-ECHO', {
  async DCMTK({ port, callingAE, calledAE }) {
    await run('echoscu', '-aet', callingAE, '-aec', calledAE, 'localhost', String(port))
  },
  async GDCM(asked) {
    assert.match(await gdcmscu(asked, '--echo'), /Message ID Being Responded To/)
  },
  async odil({ port, callingAE, calledAE }) {
    await run('odil', 'echo', 'localhost', String(port), callingAE, calledAE)
  },
  async Orthanc({ orthanc }) {
    await orthanc.ask('/modalities/lb/echo', {})
  },
  async 'dcmjs-dimse'({ port, callingAE, calledAE }) {
    const echo = new dimse.requests.CEchoRequest()
    assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [echo]), [0])
  },
})
