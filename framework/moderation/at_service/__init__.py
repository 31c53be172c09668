"""What moderation needs to be set at the chat service, compared with what is set there."""

from framework.moderation.at_service.current import CurrentSettings
from framework.moderation.at_service.plan import Change, SettingsPlan, plan_settings
from framework.moderation.at_service.wanted import GuardedRules

__all__ = ["Change", "CurrentSettings", "GuardedRules", "SettingsPlan", "plan_settings"]
