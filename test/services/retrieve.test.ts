import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import dimse from 'dcmjs-dimse'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { freePort } from '../support/ports.ts'
import { instance, storedIn, study } from './archive.ts'
import { type Ask, type Asked, gdcmscu, odilScript, run, testService } from './service.ts'

const level = ['-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${study}`]
const prepare = storedIn('dcmqrscp', 'Orthanc')
/** of GDCM, which takes what is moved itself */
const gdcmPort = await freePort()
const destination = 'STORESCP'

/** The archive moves the study to storescp, to which it is led by the balancer. */
const moving =
  (move: (asked: Asked) => Promise<unknown>): Ask =>
  async asked => {
    const { site, calledAE } = asked
    const folder = join(site.folder, 'storescp')
    for (const name of await readdir(folder)) await rm(join(folder, name))
    await move(asked)
    assert.equal(await site.node('storescp').count(), 1)
    await site.balancer.logged(new RegExp(` delayed storescp/STORESCP .* calling="${calledAE}" `))
  }

testService(
  'C-MOVE',
  {
    DCMTK: moving(({ port, callingAE, calledAE }) =>
      run(
        'movescu',
        '-S',
        ...level,
        '-aem',
        destination,
        '-aet',
        callingAE,
        '-aec',
        calledAE,
        'localhost',
        String(port),
      ),
    ),
    async GDCM(asked) {
      const folder = await mkdtemp(join(asked.site.folder, 'gdcm-'))
      const query = ['--studyroot', '--study', '--key', `20,d=${study}`]
      await gdcmscu(asked, '--move', ...query, '--port-scp', String(gdcmPort), '-o', folder)
      assert.deepEqual(await readdir(folder), [`${instance}.dcm`])
    },
    odil: moving(asked => odilScript('move', asked, study, destination)),
    Orthanc: moving(async ({ orthanc }) => {
      const query = { Level: 'Study', Query: { StudyInstanceUID: study } }
      const { ID } = (await orthanc.ask('/modalities/lb/query', query)) as { ID: string }
      await orthanc.ask(`/queries/${ID}/retrieve`, { TargetAet: destination, Synchronous: true })
    }),
    'dcmjs-dimse': moving(async ({ port, callingAE, calledAE }) => {
      const move = dimse.requests.CMoveRequest.createStudyMoveRequest(destination, study)
      assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [move]), [0])
    }),
  },
  {
    prepare,
    also: [destination.toLowerCase()],
    known: { [destination]: 'balancer', 'GDCM-0': gdcmPort, 'GDCM-1': gdcmPort },
  },
)

testService(
  'C-GET',
  {
    async DCMTK({ site, port, callingAE, calledAE }) {
      const folder = join(site.folder, callingAE)
      await mkdir(folder)
      const to = ['-aet', callingAE, '-aec', calledAE, 'localhost', String(port)]
      await run('getscu', '-S', ...level, '-od', folder, ...to)
      assert.equal((await readdir(folder)).length, 1)
    },
    async odil(asked) {
      assert.equal(await odilScript('get', asked, study), `${instance}\n`)
    },
    async 'dcmjs-dimse'({ port, callingAE, calledAE }) {
      const got: unknown[] = []
      const get = dimse.requests.CGetRequest.createStudyGetRequest(study)
      const statuses = await sendByDcmjs(port, [callingAE, calledAE], [get], client => {
        client.on('cStoreRequest', (request, callback) => {
          got.push(request.getAffectedSopInstanceUid())
          const response = dimse.responses.CStoreResponse.fromRequest(request)
          response.setStatus(0)
          callback(response)
        })
      })
      assert.deepEqual([statuses, got], [[0], [instance]])
    },
  },
  { prepare },
)
