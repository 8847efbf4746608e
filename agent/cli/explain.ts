import { type Explanation, explain as explainRules } from '../routing/explain.ts'
import { readRules } from '../routing/load.ts'
import { type Command, defaultFolder, jsonOption } from './command.ts'
import { factsOf, forEachFile, printRest, senderHelp, senderOptions } from './dicom-files.ts'
import { linesOf, summaryOf } from './explanation.ts'
import { paint } from './paint.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'where DICOM files would go, and why',
  usage:
    '[--rules FOLDER] [--calling AE] [--called AE] [--source ADDR] [--tls-client-cn NAME] [--time MOMENT] [--json] FILE|DICOMDIR|FOLDER…',
  help: `Tells for each file what the rules decide if it is sent in an association of its own: which rule, and why none of those
before it; direct or delayed; route, and the values that keep associations together. Values of the files are printed.

  --rules FOLDER  the rule files (${defaultFolder})
${senderHelp}
  --json          for programs`,
  options: { ...jsonOption, ...senderOptions, rules: { type: 'string' } },
  run: (positionals, options) => {
    const { ruleSet } = readRules(options.rules ?? defaultFolder)
    const read = forEachFile(positionals, (file): Explained => {
      const { association, dataset } = factsOf(file, ruleSet, options)
      return { file: file.file, ...explainRules(ruleSet, association, dataset) }
    })
    const { results, unreadable } = read
    if (options.json) {
      console.log(JSON.stringify({ files: results, unreadable }, undefined, 2))
    } else {
      for (const explained of results) console.log(`${textOf(explained)}\n`)
      printRest(read)
    }
    return unreadable.length > 0 ? 1 : 0
  },
}

type Explained = Explanation & { file: string }

function textOf({ file, ...explanation }: Explained): string {
  return [`${paint('bold', file)}: ${summaryOf(explanation)}`, ...linesOf(explanation)].join('\n')
}
