"""The fixed sentences of a bot, in the languages that it is spoken to."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from framework.definition.parts.part import Part
from framework.definition.parts.sentences import SENTENCES, Language


class PhraseTexts(Part):
    """Fixed sentences in one language. Words in braces are filled in: `{topics}` with titles of articles (in
    `unsure`); `{person}` with the phrase `person` (in `unsure`, `refused`, `about` and `spent`); `{tool}` with a tool's
    name (in phrases about tools); `{user}` and `{channel}` with who asks and where (in `approval_question`);
    `{command}` with `handover.resume_command` (in `hand_back`).
    """

    greeting: str = Field("Hello! What can I help you with?", description="Answer to a bare greeting.")
    thanks: str = Field("You're welcome! Is there anything else?", description="Answer to a bare thank-you.")
    goodbye: str = Field("Goodbye!", description="Answer to a bare goodbye.")
    acknowledged: str = Field(
        "All right. I am here if you need anything else.", description="Answer to a bare “ok” and the like."
    )
    unclear: str = Field(
        "Could you tell me in a few words what you need?", description="Answer to signs without words, as in `???`."
    )
    about: str = Field(
        "I am a bot: I answer from our help articles, and say so when they hold no answer. {person}",
        description="Said by the embedded model to somebody who asks who it is or what it can do.",
    )
    unsure: str = Field(
        "I am not certain that I have the answer. These articles come closest: {topics}. {person}",
        description="Said when the evidence is weak.",
    )
    refused: str = Field(
        "I could not find an answer to that in our help articles, and I don't want to guess. {person}",
        description="Said when there is no evidence.",
    )
    person: str = Field(
        "A person from our team can help you here.",
        description="How to get to a person. Fills `{person}` in other phrases.",
    )
    apology: str = Field(
        "Sorry, I could not answer this because of a technical problem. Please try again in a moment.",
        description="Said when a turn failed for good.",
    )
    closed: str = Field(
        "We are closed right now. Your message stays here, and we answer when we are back.",
        description="Said outside the hours, if `conditions.outside` is `say`.",
    )
    spent: str = Field("I have answered all that I may for today. {person}", description="Said when a budget is spent.")
    too_many: str = Field(
        "That was more than I can answer at once. Please write again in a minute.",
        description="Said when a person wrote more than `budget.user_minute` or `budget.user_at_once` allows.",
    )
    handover: str = Field(
        "I am handing over to a person from our team. They have what we wrote so far.",
        description="Said when a person takes over.",
    )
    handover_closed: str = Field(
        "Nobody from our team is here right now. They have your message and answer when they are back.",
        description="Said when a person should take over outside the team's hours.",
    )
    handover_nobody: str = Field(
        "I called for a person, but nobody from our team is known here. Your message stays until one of them reads it.",
        description="Said when a person should take over, but there is nobody to call and no channel for the alert.",
    )
    handover_unreached: str = Field(
        "I called for a person, but could reach nobody from our team. Your message stays until one of them reads it.",
        description="Said when a person should take over, but nobody could be told.",
    )
    urgent: str = Field(
        "If anybody is in danger, please call the emergency services first (112 in Europe).",
        description="Said first where a person takes over because of a danger (`handover.understands`).",
    )
    hand_back: str = Field(
        "To hand the channel back to me, write `{command}`.",
        description="Told to the team below the summary of a handover.",
    )
    resumed: str = Field("I am back, and read along again.", description="Said when the team hands back.")
    draft: str = Field(
        "",
        description="Said while a draft waits for approval. Empty: nothing is said.",
        examples=["A colleague looks over my answer."],
    )
    uncertain: str = Field(
        "I cannot say whether “{tool}” was done. I did not do it again; a person has to check.",
        description="Added if a tool that writes was interrupted, so that nobody knows whether it was done.",
    )
    approval_wanted: str = Field(
        "A person from our team has to approve that first. They were asked, and I tell you what comes of it.",
        description="Said by the embedded model when a tool waits for approval. Language models use their own words.",
    )
    approval_question: str = Field(
        "May I call `{tool}` for {user} in {channel}?", description="Asked of the team about a tool call."
    )
    approval_how: str = Field(
        "In the thread: approve or deny. Or react: like approves, sad denies.",
        description="Told to the team below that question.",
    )
    approval_by_another: str = Field(
        "Who asked for it cannot approve it.",
        description="Told to the team as well, unless `team.approve_own` is true.",
    )
    draft_how: str = Field(
        "In the thread: send, drop, or edit: and the new text. Or react: like sends it, sad drops it.",
        description="Told to the team below a draft.",
    )
    approval_denied: str = Field(
        "The team did not approve this ({tool}).",
        description="Said by the embedded model when the team denied a tool call.",
    )
    not_allowed: str = Field(
        "I may not do that for you.",
        description="Said by the embedded model when a tool may not be called for this person.",
    )
    too_often: str = Field(
        "I did that for you too often just now. Please try again in a minute.",
        description="Said by the embedded model when a tool was called too often for this person.",
    )
    no_text: str = Field(
        "I can only read text so far. Could you describe in words what you need?",
        description="Answer to a message that holds only files or images.",
    )


class Phrases(PhraseTexts):
    """The bot's fixed sentences. Those that you leave out are the framework's, in the language of whoever reads them.

    A sentence of your own is said in every language, unless `by_language` has it in the reader's.
    """

    by_language: Mapping[Language, PhraseTexts] = Field(
        default_factory=dict,
        description="Your own sentences in other languages, by their two letters.",
        examples=[{"de": {"greeting": "Hallo!"}}],
    )

    def spoken(self, language: str) -> PhraseTexts:
        """Return every sentence as somebody who writes in this language reads it.

        `model_fields_set` of the result names the sentences that are the bot's own.
        """
        told = self.by_language.get(language)  # type: ignore[call-overload]  # any other language has none
        texts = dict(SENTENCES.get(language, {}))
        own: set[str] = set()
        for source in (self, told):
            for name in (source.model_fields_set if source is not None else set()) & PhraseTexts.model_fields.keys():
                texts[name] = getattr(source, name)
                own.add(name)
        return PhraseTexts.model_construct(_fields_set=own, **texts)
