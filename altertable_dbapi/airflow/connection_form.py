"""The connection form of Airflow before 3.2; later versions take it from the provider."""

from __future__ import annotations

from typing import Any

import altertable_airflow_provider as provider


class ConnectionForm:
    """What a hook says of the form in which its connections are edited."""

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The fields of the connection form beside the usual ones."""
        from wtforms import BooleanField, StringField

        return {
            name: (BooleanField if field["schema"]["type"] == "boolean" else StringField)(
                field["label"],
                description=field["description"],
                default=field["schema"].get("default"),
            )
            for name, field in provider.CONNECTION_FIELDS.items()
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """What the connection form hides, renames and shows in empty fields."""
        return {
            "hidden_fields": provider.HIDDEN_FIELDS,
            "relabeling": provider.RELABELING,
            "placeholders": provider.PLACEHOLDERS,
        }
