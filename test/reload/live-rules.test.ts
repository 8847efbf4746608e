import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { buildRules, readRuleFiles } from '../../agent/routing/index.ts'
import { badFile, folderOf, problemsIn, ruleFile, start } from './support.ts'

const before = ruleFile('before')
const after = ruleFile('after')

type Live = Awaited<ReturnType<typeof start>>
/** Changes rules.yaml of a folder to `after`. At each step on the way there, the agent may look; it may not load. */
type Save = (file: string, look: () => Promise<void>) => Promise<void> | void

const saves: Record<string, Save> = {
  'a write in place, in two halves': async (file, look) => {
    writeFileSync(file, '')
    await look()
    writeFileSync(file, 'rules:\n')
    await look()
    appendFileSync(file, after.slice('rules:\n'.length))
  },
  'a new file that is renamed': async (file, look) => {
    writeFileSync(`${file}.tmp`, after)
    await look()
    renameSync(`${file}.tmp`, file)
  },
  'vim, which renames the old file to a backup': async (file, look) => {
    writeFileSync(join(dirname(file), '.rules.yaml.swp'), 'b0VIM')
    writeFileSync(join(dirname(file), '4913'), '')
    unlinkSync(join(dirname(file), '4913'))
    renameSync(file, `${file}~`)
    await look()
    writeFileSync(file, after)
  },
  'vim, which copies the old file to a backup': async (file, look) => {
    copyFileSync(file, `${file}~`)
    writeFileSync(file, '')
    await look()
    writeFileSync(file, after)
  },
  'a file that is deleted and made again': async (file, look) => {
    unlinkSync(file)
    await look()
    writeFileSync(file, after)
  },
  'a folder that is deleted and made again': async (file, look) => {
    rmSync(dirname(file), { recursive: true })
    await look()
    mkdirSync(dirname(file))
    await look()
    writeFileSync(file, after)
  },
  'one of the same size and modification time': file => {
    const { atime, mtime } = statSync(file)
    writeFileSync(file, after.padEnd(before.length))
    utimesSync(file, atime, mtime)
  },
}

describe('a saved rule file serves after two polls:', () => {
  for (const [how, save] of Object.entries(saves)) {
    test(how, async t => {
      const folder = folderOf(t, before)
      const live = await start(folder)
      await live.settle()
      const { hash } = live.rules.serving
      await save(join(folder, 'rules.yaml'), async () => {
        await live.rules.poll()
        assert.equal(live.serving(), 'before')
      })
      await live.rules.poll()
      assert.equal(live.serving(), 'before')
      await live.rules.poll()
      assert.equal(live.serving(), 'after')
      assert.notEqual(live.rules.serving.hash, hash)
      await live.settle()
      assert.deepEqual(
        live.logged.map(({ trigger, msg }) => `${trigger}: ${msg}`),
        ['start: rules loaded', 'save: rules loaded'],
      )
    })
  }

  test('a ConfigMap of Kubernetes, whose link ..data is replaced', async t => {
    const folder = folderOf(t, '')
    rmSync(join(folder, 'rules.yaml'))
    const version = (name: string, content: string) => {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'rules.yaml'), content)
      symlinkSync(name, join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    version('..2026_01', before)
    symlinkSync('..data/rules.yaml', join(folder, 'rules.yaml'))
    const live = await start(folder)
    version('..2026_02', after)
    rmSync(join(folder, '..2026_01'), { recursive: true })
    await live.settle()
    assert.equal(live.serving(), 'after')
  })

  test('a folder that is a link to a release, and is linked to another', async t => {
    const [old, next] = [folderOf(t, before), folderOf(t, after)]
    const link = `${old}-current`
    t.after(() => rmSync(link))
    symlinkSync(old, link)
    const live = await start(link)
    symlinkSync(next, `${link}.tmp`)
    renameSync(`${link}.tmp`, link)
    await live.settle()
    assert.equal(live.serving(), 'after')
  })

  test('files that come and go', async t => {
    const folder = folderOf(t, before)
    const live = await start(folder)
    writeFileSync(join(folder, '00-first.yml'), after)
    await live.settle()
    assert.equal(live.serving(), 'after,before')
    renameSync(join(folder, '00-first.yml'), join(folder, 'z.yaml'))
    await live.settle()
    assert.equal(live.serving(), 'before,after')
    unlinkSync(join(folder, 'z.yaml'))
    await live.settle()
    assert.equal(live.serving(), 'before')
  })
})

describe('rules that are wrong', () => {
  async function startWith(
    t: TestContext,
  ): Promise<{ live: Live; folder: string; write: (text: string) => void }> {
    const folder = folderOf(t, before)
    return {
      live: await start(folder),
      folder,
      write: text => writeFileSync(join(folder, 'rules.yaml'), text),
    }
  }

  test('at start are an error with all problems', async t => {
    const folder = folderOf(t, badFile)
    await assert.rejects(start(folder), { message: problemsIn(folder).join('\n') })
  })

  test('leave those before serving, and are told once with all problems', async t => {
    const { live, folder, write } = await startWith(t)
    const { serving } = live.rules
    write(badFile)
    for (let polls = 0; polls < 10; polls++) await live.rules.poll()
    assert.equal(live.rules.serving, serving)
    const [, refused, ...more] = live.logged
    assert.deepEqual(more, [])
    assert.deepEqual(refused, {
      level: 50,
      trigger: 'save',
      hash: live.rules.lastReload.hash,
      serving: serving.hash,
      problems: problemsIn(folder),
      msg: 'rules refused: those before still serve',
    })
    const { at: _, ...lastReload } = live.rules.lastReload
    assert.deepEqual(lastReload, {
      trigger: 'save',
      hash: refused?.hash,
      ok: false,
      problems: problemsIn(folder),
    })
  })

  test('are told again when they are wrong in another way, and serve when they are mended', async t => {
    const { live, write } = await startWith(t)
    for (const text of [badFile, `${badFile}default: []\n`, after]) {
      write(text)
      await live.settle()
    }
    assert.deepEqual(
      live.logged.map(({ level, problems = [] }) => [level, problems.length]),
      [
        [30, 0],
        [50, 2],
        [50, 3],
        [30, 0],
      ],
    )
    assert.equal(live.serving(), 'after')
    assert.equal(live.rules.lastReload.ok, true)
  })

  test('are forgotten when the files are again what serves', async t => {
    const { live, write } = await startWith(t)
    write(badFile)
    await live.settle()
    write(before)
    await live.settle()
    assert.equal(live.rules.lastReload.ok, true)
    assert.equal(live.rules.lastReload.hash, live.rules.serving.hash)
  })

  test('are told each time that somebody asks', async t => {
    const { live, folder, write } = await startWith(t)
    write(badFile)
    for (const trigger of ['SIGHUP', 'POST'] as const) {
      const reload = await live.rules.reload(trigger)
      assert.deepEqual(reload.ok || reload.problems, problemsIn(folder))
    }
    await live.settle()
    assert.deepEqual(
      live.logged.map(({ trigger }) => trigger),
      ['start', 'SIGHUP', 'POST'],
    )
    assert.equal(live.serving(), 'before')
  })

  const gone: Record<string, [remove: (folder: string) => void, problem: RegExp]> = {
    'no files': [folder => unlinkSync(join(folder, 'rules.yaml')), /no rule files here/],
    'no folder': [folder => rmSync(folder, { recursive: true }), /ENOENT: no such file or directory/],
    'a link to nothing': [
      folder => {
        unlinkSync(join(folder, 'rules.yaml'))
        symlinkSync('nothing', join(folder, 'rules.yaml'))
      },
      /rules\.yaml:1:1: cannot be read: Error: ENOENT/,
    ],
  }
  for (const [what, [remove, problem]] of Object.entries(gone)) {
    test(`are ${what}, too: said once, and those before serve`, async t => {
      const { live, folder } = await startWith(t)
      remove(folder)
      for (let polls = 0; polls < 5; polls++) await live.rules.poll()
      assert.equal(live.serving(), 'before')
      assert.equal(live.logged.length, 2)
      assert.match(live.logged[1]?.problems?.join() ?? '', problem)
    })
  }
})

describe('a reload that somebody asks for', () => {
  test('loads at once what has been saved, which no poll loads again', async t => {
    const folder = folderOf(t, before)
    const live = await start(folder)
    writeFileSync(join(folder, 'rules.yaml'), after)
    const reload = await live.rules.reload('POST')
    assert.deepEqual([reload.ok, reload.hash], [true, live.rules.serving.hash])
    assert.equal(live.serving(), 'after')
    await live.settle()
    assert.deepEqual(
      live.logged.map(({ trigger }) => trigger),
      ['start', 'POST'],
    )
  })

  test('never takes half of the files from before and half from after', async t => {
    const folder = folderOf(t, before)
    rmSync(join(folder, 'rules.yaml'))
    const write = (name: string, version: number) =>
      writeFileSync(join(folder, `${name}.yaml`), ruleFile(`${name}${version}`))
    for (const name of ['a', 'b']) write(name, 0)
    const live = await start(folder)
    const loaded: string[] = []
    const reloads: Promise<unknown>[] = []
    for (let version = 1; version <= 100; version++) {
      write('a', version)
      if (version % 10 === 0) reloads.push(live.rules.reload('POST').then(() => loaded.push(live.serving())))
      await turn()
      write('b', version)
      await turn()
    }
    await Promise.all(reloads)
    assert.equal(loaded.length, 10)
    for (const names of loaded) assert.match(names, /^a(\d+),b\1$/)
  })
})

describe('the hash of a rule set', () => {
  test('is the same for the same names and contents in another folder, and for no others', async t => {
    const folder = folderOf(t, before)
    const hashOf = async (files: Record<string, string>) => {
      rmSync(folder, { recursive: true })
      mkdirSync(folder)
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
      return (await start(folder)).rules.serving.hash
    }
    const { rules } = await start(folderOf(t, before))
    assert.match(rules.serving.hash, /^[0-9a-f]{12}$/)
    assert.equal(await hashOf({ 'rules.yaml': before }), rules.serving.hash)
    assert.equal(await hashOf({ 'rules.yaml': before, 'rules.yaml~': after }), rules.serving.hash)
    const others = [
      await hashOf({ 'other.yaml': before }),
      await hashOf({ 'rules.yaml': `${before}\n` }),
      await hashOf({ 'rules.yaml': before, 'empty.yaml': '' }),
      await hashOf({ 'rules.yaml': '', 'empty.yaml': before }),
    ]
    assert.equal(new Set([rules.serving.hash, ...others]).size, 5)
  })
})

describe('rules that take long to build', () => {
  const many = Array.from(
    { length: 2000 },
    (_, index) => `  - { name: big ${index}, when: { callingAE: SCU_${index} }, route: pool }\n`,
  )
  const big = `rules:\n${many.join('')}`

  test('leave the event loop its turns', async t => {
    const files = await readRuleFiles(folderOf(t, big))
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    await buildRules(files)
    clearInterval(counting)
    assert.ok(turns > 1, `${turns}`)
  })

  test('never come after those that were read later', async t => {
    const folder = folderOf(t, before)
    const live = await start(folder)
    writeFileSync(join(folder, 'rules.yaml'), big)
    await live.rules.poll()
    const first = live.rules.poll()
    // when this has been read, so has that
    for (let reads = 0; reads < 3; reads++) await readRuleFiles(folder)
    writeFileSync(join(folder, 'rules.yaml'), after)
    await Promise.all([first, live.rules.reload('POST')])
    assert.equal(live.serving(), 'after')
    assert.deepEqual(
      live.logged.map(({ trigger }) => trigger),
      ['start', 'save', 'POST'],
    )
  })
})
