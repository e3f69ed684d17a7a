// What the New Project dialog holds until it is sent.
import type { NewProject } from '$lib/api';
import type { Governance, NarrativeStructure, Tier } from '$lib/schema/generated';
import { contractOf, EMPTY_BRIEF, type BriefForm } from './brief';

export class NewProjectForm {
  name = $state('');
  description = $state('');
  quality = $state<Tier>('standard');
  structure = $state<NarrativeStructure>('three-act');
  governance = $state<Governance>('sketch');
  brief = $state<BriefForm>({ ...EMPTY_BRIEF });
  references = $state.raw<File[]>([]);

  /** Whether closing would lose something that was typed or chosen with effort. */
  get isTouched(): boolean {
    const { format, runtime, budget, notes } = this.brief;
    return (
      [this.name, this.description, format, runtime, notes].some((text) => text.trim() !== '') ||
      budget !== null ||
      this.references.length > 0
    );
  }

  request(): NewProject {
    return {
      name: this.name.trim(),
      description: this.description.trim(),
      quality: this.quality,
      structure: this.structure,
      governance: this.governance,
      creativeContract: contractOf(this.brief)
    };
  }
}
